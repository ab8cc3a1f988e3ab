from smpplib.client import Client  # any library that speaks SMPP

from emulator.client import Emulator


def test_a_message_by_smpp_and_its_receipt(smsclouds: Emulator) -> None:
    told = []
    where = smsclouds.smpp
    smpp = Client(where.host, where.port, allow_unknown_opt_params=True)
    smpp.set_message_received_handler(lambda pdu: told.append(pdu.short_message))
    smpp.connect()
    smpp.bind_transceiver(system_id=where.system_id, password=where.password)

    smpp.send_message(
        source_addr="74342",
        destination_addr="524498987282",
        short_message=b"hola",
        registered_delivery=1,
    )
    smpp.read_once()
    smsclouds.settle()
    smpp.read_once()

    assert smsclouds.messages(to="4498987282").count == 1
    assert b"stat:DELIVRD" in told[0]
    assert smsclouds.verify("submit_sm", text="hola", exactly=1)
    smpp.unbind()
    smpp.disconnect()
