"""The questions that the manual leaves open: one named switch each, set by the world.

``--strict`` is nothing but the column ``strict`` of this table.  A switch whose
choices are ``accept`` and ``refuse`` (or ``ignore``) decides about a *doubt*: a
reading that the manual shows somewhere and contradicts elsewhere.  Accepted, it is
noted by its ledger id; refused, the request is declined; ignored, the spelling has
no meaning.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from emulator.domain.platform_refusals import NOT_WANTED
from emulator.domain.refusals import Refusal, RefusalReason

# Choices that shut a doubtful reading out
CLOSING_CHOICES = frozenset({"refuse", "ignore"})


@dataclass(frozen=True, slots=True)
class Switch:
    name: str
    choices: tuple[str, ...]  # the first is the default
    strict: str  # the value under --strict
    ledger: tuple[str, ...]
    says: str


def _make_choice(name: str, choices: str, *ledger: str, says: str) -> Switch:
    """Return a switch that both modes leave at its default."""
    options = tuple(choices.split("|"))
    return Switch(name, options, options[0], ledger, says)


def _make_doubt_switch(
    name: str, ledger: str, says: str, *, strict: str = "refuse"
) -> Switch:
    """Return a switch that lenient leaves open and strict closes."""
    return Switch(name, ("accept", strict), strict, (ledger,), says)


_SWITCHES = (
    _make_choice(
        "errors",
        "envelope|laravel",
        "ERR-06",
        "LOST-08",
        says="Bodies of refusals: the manual's envelope, or stock Laravel's.",
    ),
    _make_choice("language", "es|en", "ERR-11", says="Language of `information`."),
    _make_choice(
        "charge",
        "per_part|per_recipient",
        "SMS-44",
        says="A long or encoded text costs its parts, or every message costs one.",
    ),
    _make_choice(
        "credit",
        "enforce|overdraft",
        "SMS-45",
        says="A balance that does not suffice refuses the campaign, or goes negative.",
    ),
    _make_choice(
        "refund_on_cancel",
        "yes|no",
        "VOI-35",
        says="A cancelled voice campaign is paid back, once.",
    ),
    _make_choice(
        "url_whitelist",
        "off|fail|reject",
        "SMS-47",
        says="A URL that is not listed: noted, its messages fail, or refused.",
    ),
    _make_choice(
        "email_merge",
        "example|bullets",
        "EML-06",
        says="`<+B+>` of an e-mail is `name` (the example) or `field1` (the bullets).",
    ),
    _make_choice(
        "clic_dates",
        "date|full",
        "CLC-12",
        says="Dates of the SMS CLIC answer: without time, as shown, or with it.",
    ),
    _make_choice(
        "country_route",
        "cheapest|first",
        "SMS-33",
        says="The route taken when only `country` is given.",
    ),
    _make_choice(
        "no_information",
        "empty|not_found",
        "DLR-06",
        "LOST-09",
        says="A campaign that is `inserting` or `unknown`: no rows, or 404.",
    ),
    _make_choice(
        "expired_token",
        "refuse|accept",
        "AUT-05",
        says="A token past its date: 401, or still good.",
    ),
    _make_choice(
        "mo_cellphone_name",
        "cellphone|rellphone|both",
        "MOP-05",
        says="The name of the number in a push: the table's, the bullets', or both.",
    ),
    _make_choice(
        "smpp_mo_case",
        "lower|capitalized",
        "SMP-07",
        says="Parameters of the push of an answer to SMPP: lower case, or capitalized.",
    ),
    _make_doubt_switch(
        "keyword_answer_length",
        "KEY-07",
        "An answer to a keyword of over 160 characters (cut).",
    ),
    _make_doubt_switch(
        "content_type", "ERR-04", "JSON under another Content-Type, or none."
    ),
    _make_doubt_switch(
        "loose_scheme", "AUT-06", "`bearer` in another case, or with several spaces."
    ),
    _make_doubt_switch(
        "capitals",
        "GEN-14",
        "Field names with a capital, as bullets and tables print them.",
        strict="ignore",
    ),
    _make_doubt_switch(
        "uneven_fields", "SMS-07", "Recipients that do not carry the same fields."
    ),
    _make_doubt_switch(
        "missing_values", "SMS-08", "A placeholder without a value (left empty)."
    ),
    _make_doubt_switch(
        "several_lengths", "SMS-24", "More than one of the length flags."
    ),
    _make_doubt_switch(
        "special_characters",
        "SMS-25",
        "Characters outside GSM 03.38 without an encode flag (transliterated).",
    ),
    _make_doubt_switch(
        "merged_length", "SMS-26", "A text that grows over its limit when merged."
    ),
    _make_doubt_switch(
        "gsm_extension",
        "SMS-27",
        "Characters of the GSM 03.38 extension table without an encode flag.",
    ),
    _make_doubt_switch(
        "loose_booleans", "SMS-28", 'Booleans sent as 0, 1, "0" or "1".'
    ),
    _make_doubt_switch(
        "route_elsewhere", "SMS-34", "A route that is not of the country sent."
    ),
    _make_doubt_switch(
        "doubtful_dates", "SMS-37", "A scheduled date in the past, or without time."
    ),
    _make_doubt_switch(
        "sms_schedule_name",
        "SMS-38",
        "`scheduledDate` where SMS says `scheduled_date`.",
        strict="ignore",
    ),
    _make_doubt_switch(
        "responses_message",
        "MO-05",
        "`message` for `messages`, and one id instead of an array.",
    ),
    _make_doubt_switch(
        "responses_campaign", "MO-07", "One campaign id instead of an array."
    ),
    _make_doubt_switch(
        "responses_others", "MO-08", "Parameters that belong to another `type`."
    ),
    _make_doubt_switch(
        "reversed_dates", "MO-14", "`from` after `to` (nothing is found)."
    ),
    _make_doubt_switch(
        "email_schedule_name",
        "EML-08",
        "`scheduled_date` where e-mail says `scheduledDate`.",
        strict="ignore",
    ),
    _make_doubt_switch(
        "image_only_text", "EML-13", "`body` or `header` with template 3."
    ),
    _make_doubt_switch("image_missing", "EML-15", "Template 4 without `image`."),
    _make_doubt_switch(
        "foreign_image", "EML-16", "An `image` that is not in the media library."
    ),
    _make_doubt_switch(
        "remittent_missing", "VOI-08", "A voice campaign without `remittent`."
    ),
    _make_doubt_switch(
        "foreign_remittent", "VOI-09", "A `remittent` that the account does not own."
    ),
    _make_doubt_switch(
        "voice_schedule_name",
        "VOI-10",
        "`scheduled_date` where voice says `scheduledDate`.",
        strict="ignore",
    ),
    _make_doubt_switch(
        "voice_slash", "VOI-21", "A slash after the id of a voice campaign."
    ),
    _make_doubt_switch(
        "clic_country_only", "CLC-05", "SMS CLIC with `country` and no `route`."
    ),
    _make_doubt_switch(
        "clic_mark_missing", "CLC-07", "An SMS CLIC text without its link mark."
    ),
)

SWITCHES: Mapping[str, Switch] = {switch.name: switch for switch in _SWITCHES}
LENIENT_CHOICES: Mapping[str, str] = {
    name: each.choices[0] for name, each in SWITCHES.items()
}
STRICT_CHOICES: Mapping[str, str] = {
    name: each.strict for name, each in SWITCHES.items()
}


@dataclass(frozen=True)
class Assumptions:
    """One choice for every switch; ``chosen["charge"] == "per_part"``."""

    chosen: Mapping[str, str] = field(default_factory=lambda: LENIENT_CHOICES)
    # Ledger ids of what is not accepted
    closed: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        closed = frozenset(
            ledger
            for name, switch in SWITCHES.items()
            if self.chosen[name] in CLOSING_CHOICES and "accept" in switch.choices[:1]
            for ledger in switch.ledger
        )
        object.__setattr__(self, "closed", closed)

    def with_choices(self, choices: Mapping[str, str]) -> "Assumptions":
        """Return these with *choices* instead.

        Raises ``ValueError`` for a switch or a choice that does not exist.
        """
        for name, value in choices.items():
            if name not in SWITCHES:
                message = f"there is no assumption called {name!r}"
                raise ValueError(message)
            if value not in SWITCHES[name].choices:
                allowed = ", ".join(SWITCHES[name].choices)
                message = f"{name} is one of {allowed}, not {value!r}"
                raise ValueError(message)
        return Assumptions({**self.chosen, **choices})


@dataclass(frozen=True, slots=True)
class Doubt:
    """A reading that lenient notes and strict refuses."""

    ledger: str
    reason: RefusalReason = NOT_WANTED
    why: str = ""
    words: Mapping[str, object] = field(default_factory=dict)


def accept_doubts(doubts: Iterable[Doubt], assumptions: Assumptions) -> list[str]:
    """Return the ledger id of each doubt, as all of them are accepted.

    Refuses with the doubt's own reason where the switch is closed.
    """
    accepted = []
    for doubt in doubts:
        if doubt.ledger in assumptions.closed:
            raise Refusal(doubt.reason, doubt.why, ledger=doubt.ledger, **doubt.words)
        accepted.append(doubt.ledger)
    return accepted
