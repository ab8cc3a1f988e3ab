// A client of Smsclouds V3, with fetch.  Copy it.

import { setTimeout as sleep } from "node:timers/promises";

/** The platform said no; nothing was sent and nothing was paid. */
export class Refused extends Error {}

/** No usable answer came: look before you send anything again. */
export class Unanswered extends Error {}

/** One account, with no other sender: see `send`. */
export class Smsclouds {
  #url;
  #token;
  #pause; // milliseconds until the platform is done with what it was asked
  #last = Promise.resolve(); // one sending at a time

  constructor(url, token, { pause = 30_000 } = {}) {
    this.#url = url;
    this.#token = token;
    this.#pause = pause;
  }

  /**
   * Send once, whatever happens on the way; return the campaign's number.
   *
   * The platform knows no idempotency key, but it charges a campaign when it takes it.
   * So the credit tells what became of an order without an answer: where it is what it
   * was, the order was not taken and is sent again.  Where it is not, the number stays
   * unknown (null); replies come with the campaign's name.
   */
  send(text, cellphones, name, route = 87) {
    const recipients = cellphones.map((cellphone) => ({ cellphone }));
    const order = { text, recipients, campaign_name: name, route };
    const sent = this.#last.then(() => this.#place(order));
    this.#last = sent.catch(() => {});
    return sent;
  }

  async #place(order) {
    const credit = await this.credit();
    for (let attempt = 0; attempt < 3; attempt++) {
      try {
        return (await this.#ask("POST", "/api/v3/campaign", order)).campaign;
      } catch (error) {
        if (!(error instanceof Unanswered)) throw error;
        await sleep(this.#pause);
        if ((await this.credit()) !== credit) return null;
      }
    }
    throw new Unanswered("nothing was sent: the platform fails");
  }

  async credit() {
    return (await this.#ask("GET", "/api/v1/user")).data.credit;
  }

  /** Return the percentage that is over, and the status of each cellphone. */
  async progress(campaign) {
    const answer = await this.#ask("GET", `/api/v3/campaign/${campaign}/messages`);
    const statuses = answer.data.map((each) => [each.cellphone, each.status]);
    return { percentage: answer.percentage, statuses: Object.fromEntries(statuses) };
  }

  /** Return what was answered since "2026-03-02 12:00:00", oldest first. */
  async replies(since) {
    const query = { type: 1, from: since };
    return (await this.#ask("POST", "/api/v3/responses", query)).results;
  }

  async #ask(method, path, body) {
    let answer, content;
    try {
      answer = await fetch(this.#url + path, {
        method,
        headers: {
          Authorization: `Bearer ${this.#token}`,
          "Content-Type": "application/json",
        },
        body: body && JSON.stringify(body),
        signal: AbortSignal.timeout(60_000),
      });
      content = await answer.json();
    } catch (cause) {
      throw new Unanswered(`no answer: ${cause.message}`, { cause });
    }
    if (answer.status >= 500) throw new Unanswered(`${answer.status}`);
    if (!answer.ok) throw new Refused(`${answer.status}: ${content.error.information}`);
    return content;
  }
}
