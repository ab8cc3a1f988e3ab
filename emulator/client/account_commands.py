"""What an account has, as a test sees and changes it: handsets, campaigns, money."""

from typing import Any

from emulator.client.line import WorldConnection, quote_segment
from emulator.client.shown import Fact


class AccountCommands(WorldConnection):
    """The commands that see and change what an account has."""

    # --- Handsets and campaigns ---------------------------------------------------

    def handset(self, number: str) -> Fact:
        """Return the truth about a number."""
        return self.ask_fact("GET", f"handsets/{quote_segment(number)}")

    def set_handset(self, number: str, outcome: str) -> Fact:
        """Give a number its outcome, for what is sent from now on."""
        return self.ask_fact(
            "PUT", f"handsets/{quote_segment(number)}", {"outcome": outcome}
        )

    def population(self, **weights: float) -> Fact:
        """Return how everybody else fares, or let them fare by these weights."""
        if not weights:
            return self.ask_fact("GET", "population")
        return self.ask_fact("PUT", "population", {"weights": weights})

    @property
    def campaigns(self) -> list[Fact]:
        """The campaigns of all channels, as they stand."""
        return self.ask_facts("campaigns")

    def pause(self, campaign: int) -> Fact:
        return self.ask_fact("POST", f"campaigns/sms/{campaign}/pause")

    def resume(self, campaign: int) -> Fact:
        return self.ask_fact("POST", f"campaigns/sms/{campaign}/resume")

    def cancel(self, campaign: int) -> Fact:
        return self.ask_fact("POST", f"campaigns/sms/{campaign}/cancel")

    def mark_unknown(self, campaign: int) -> Fact:
        """Let the platform know nothing of a campaign any more."""
        return self.ask_fact("POST", f"campaigns/sms/{campaign}/mark-unknown")

    def emails(self, campaign: int) -> list[Fact]:
        """Return the e-mails of a campaign, merged."""
        emails: list[Fact] = self.ask_fact(
            "GET", f"campaigns/email/{campaign}/emails"
        ).emails
        return emails

    # --- The account --------------------------------------------------------------

    @property
    def balance(self) -> float:
        balance: float = self.movements.balance
        return balance

    @property
    def movements(self) -> Fact:
        """Where the money went: the opening credit and every movement."""
        return self.ask_fact("GET", "movements")

    def top_up(self, amount: float) -> float:
        """Buy credit and return the balance; a negative amount takes some away."""
        balance: float = self.ask_fact("POST", "movements", {"amount": amount}).balance
        return balance

    @property
    def account(self) -> Fact:
        """The account, as a world file writes it."""
        return self.ask_fact("GET", "account")

    def change_account(self, **patch: Any) -> Fact:
        """Change the account by a merge patch of it; ``None`` removes."""
        return self.ask_fact("PATCH", "account", patch)

    def add_item(self, collection: str, **item: Any) -> Fact:
        """Add to a list of the account: keywords, links, routes, ..."""
        return self.ask_fact("POST", f"account/{collection}", item)

    def remove_item(self, collection: str, item: str | int) -> Fact:
        """Remove the item with this id, word or number."""
        return self.ask_fact("DELETE", f"account/{collection}/{quote_segment(item)}")

    @property
    def links(self) -> list[Fact]:
        """The links and who followed them."""
        return self.ask_facts("links")
