"""What surrounds a Coperniq opportunity, and how the two are shown together (coperniq.md 4, 6)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.sandbox import coperniq_seed as seed
from gateway.sandbox.coperniq_body import Invalid

Json = dict[str, Any]
Row = Mapping[str, Any]
Table = dict[int, Json]

_PEOPLE = {"owner": "ownerId", "salesRep": "salesRepId", "projectManager": "projectManagerId"}
_PERSON = ("id", "firstName", "lastName", "email", "phone", "avatarUrl")
_CREATOR = ("id", "firstName", "lastName", "email", "avatarUrl")
_HIDDEN = {"status", "contacts", "createdById", "updatedById", *_PEOPLE.values()}
"""Stored and not shown under that name: the status and the contacts not at all (4)."""


@dataclass(slots=True)
class Company:
    """People, accounts, workflows and property definitions, fresh from the seed."""

    users: Table = field(default_factory=seed.users)
    contacts: Table = field(default_factory=seed.contacts)
    accounts: Table = field(default_factory=seed.accounts)
    workflows: Table = field(default_factory=seed.workflows)
    properties: dict[str, list[Json]] = field(default_factory=seed.properties)

    def title(self, record: Row) -> str:
        """The stored title or, if that is blank, the parent account's (4)."""
        stored = record.get("title") or ""
        account = self.accounts.get(record.get("accountId") or 0)
        return stored if stored.strip() or account is None else str(account["title"])

    def primary_name(self, record: Row) -> list[str]:
        """The names of the record's contacts, for the list's search by name (3.1)."""
        known = (self.contacts.get(each) for each in record.get("contacts", ()))
        return [contact["name"] for contact in known if contact and contact["name"]]

    def shown(self, record: Row, *, creator: str) -> Json:
        """The record as a read answers it; `creator` picks the older or newer shape (5.3)."""
        answer = {name: record.get(name) for name in seed.STORED if name not in _HIDDEN}
        answer["title"] = self.title(record)
        answer |= self._progress(record)
        answer |= {name: self._person(record.get(key), _PERSON) for name, key in _PEOPLE.items()}
        if creator in ("id", "both"):
            answer["createdById"] = record.get("createdById")
        if creator in ("objects", "both"):
            answer["createdBy"] = self._person(record.get("createdById"), _CREATOR)
            answer["updatedBy"] = self._person(record.get("updatedById"), _CREATOR)
        return answer

    def shown_account(self, account: Json, *, with_contacts: bool = False) -> Json:
        """An account as a read answers it, its people in full if asked for (3)."""
        people = [self.contacts[each] for each in account["contacts"]]
        answer = {
            **account,
            "primaryEmail": next((mail for each in people for mail in each["emails"]), None),
            "primaryPhone": next((phone for each in people for phone in each["phones"]), None),
            "contacts": [{key: each[key] for key in ("id", "emails", "phones")} for each in people],
        }
        if not with_contacts:
            del answer["contacts"]
        return answer

    def following(self, record: Row, sent: Json) -> Json:
        """What else changes with what is sent; raises `Invalid` for ids that nothing has."""
        if sent.get("accountId") is not None and sent["accountId"] not in self.accounts:
            raise Invalid("accountId", "There is no such account")
        for contact in sent.get("contacts", ()):
            if contact not in self.contacts:
                raise Invalid("contacts", f"There is no contact {contact}")
        return self._moved(record, sent) if sent.keys() & {"workflowId", "phaseId"} else {}

    def contact(self, email: str | None, phone: str | None, *, new_id: int) -> int:
        """The id of the contact who has the e-mail or the phone, made if nobody has (5.1)."""
        for each in self.contacts.values():
            if email in each["emails"] or phone in each["phones"]:
                return int(each["id"])
        self.contacts[new_id] = {
            "id": new_id,
            "name": None,
            "emails": [email] if email else [],
            "phones": [phone] if phone else [],
        }
        return new_id

    def _moved(self, record: Row, sent: Json) -> Json:
        """Workflow and phase after a move: a new workflow starts at its first phase (6)."""
        before = record.get("workflowId")
        after = sent.get("workflowId", before)
        if "workflowId" not in sent and before is None:
            after = self._workflow_of(sent["phaseId"])
        if after is None and "phaseId" not in sent:
            return {"phaseId": None}
        if after is not None and after not in self.workflows:
            raise Invalid("workflowId", "There is no such workflow")
        phases = [phase["id"] for phase in self.workflows[after]["phases"]] if after else []
        phase = sent.get("phaseId", record.get("phaseId") if after == before else phases[0])
        if phase not in phases:
            raise Invalid("phaseId", "There is no such phase in the workflow")
        return {"workflowId": after, "phaseId": phase}

    def _workflow_of(self, phase: int) -> int | None:
        return next(
            (
                number
                for number, workflow in self.workflows.items()
                if any(each["id"] == phase for each in workflow["phases"])
            ),
            None,
        )

    def _person(self, number: int | None, members: tuple[str, ...]) -> Json | None:
        user = self.users.get(number or 0)
        return None if user is None else {name: user[name] for name in members}

    def _progress(self, record: Row) -> Json:
        """The workflow's name, the current phase and the instances, made of two stored ids."""
        workflow = self.workflows.get(record.get("workflowId") or 0)
        phases = workflow["phases"] if workflow else []
        ids = [phase["id"] for phase in phases]
        current = ids.index(record["phaseId"]) if record.get("phaseId") in ids else -1
        return {
            "workflowName": workflow["name"] if workflow else None,
            "phase": _phase(phases[current]) if current >= 0 else None,
            "phaseInstances": [
                _instance(record["id"], position, phase, current)
                for position, phase in enumerate(phases)
            ],
        }


def _phase(phase: Json) -> Json:
    return {name: phase[name] for name in ("id", "name", "type")}


def _instance(record_id: int, position: int, phase: Json, current: int) -> Json:
    """An instance's id and its template's are neither each other nor the phase's (6)."""
    state = "COMPLETED" if position < current else "NOT_STARTED"
    template = phase["id"] + 700
    return {
        "id": record_id * 100 + position + 1,
        "name": phase["name"],
        "status": "IN_PROGRESS" if position == current else state,
        "position": position + 1,
        "type": phase["type"],
        "phaseTemplateId": template,
        "phaseTemplate": {
            **_phase(phase),
            "id": template,
            **{name: phase[name] for name in ("redSla", "yellowSla")},
        },
    }
