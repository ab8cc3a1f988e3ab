// A client of SMPP in node: binds, sends, hears of it, asks, unbinds; tells it as JSON.
// Usage: node client.cjs PATH_OF_SMPP URL
const [, , library, url] = process.argv;
const smpp = require(library);

const TEXTS = [
  { text: 'hola', data_coding: 0 },
  { text: 'a @ $ _ b', data_coding: 1 },
  { text: 'mañana Ж', data_coding: 8 },
];
const LONG = 'Su folio es 123456, gracias por su compra. '.repeat(8);
const told = { answers: [], receipts: [], state: null, unbound: false };

const session = smpp.connect({ url }, () => {
  session.bind_transceiver({ system_id: 'demo', password: 'demo' }, (bound) => {
    if (bound.command_status !== 0) throw new Error(`bind: ${bound.command_status}`);
    for (const { text, data_coding } of TEXTS) send({ short_message: text, data_coding });
    send({ message_payload: LONG, data_coding: 0 });
  });
});

function send(fields) {
  const pdu = { source_addr: '74342', destination_addr: '524498987282', registered_delivery: 1, ...fields };
  session.submit_sm(pdu, (answer) => {
    told.answers.push({ status: answer.command_status, id: answer.message_id });
    next();
  });
}

session.on('deliver_sm', (pdu) => {
  told.receipts.push({ id: String(pdu.receipted_message_id), esm_class: pdu.esm_class });
  session.send(pdu.response());
  next();
});
session.on('enquire_link', (pdu) => session.send(pdu.response()));
session.on('error', (error) => { throw error; });

function next() {
  if (told.answers.length < 4 || told.receipts.length < 4 || told.state !== null) return;
  told.state = 0;
  session.query_sm({ message_id: told.answers[0].id, source_addr: '74342' }, (answer) => {
    told.state = answer.message_state;
    session.unbind(() => {
      told.unbound = true;
      session.close(() => console.log(JSON.stringify(told)));
    });
  });
}
