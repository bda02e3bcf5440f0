"""The firm of the workload: people, their accounts, superiors and roles, known from the beginning."""

from tests.chaos.planting.field import BEGIN, HOUR, Field

STAFF = 300
BOSS, CHIEF, STRANGER = "boss", "chief", "stranger"


def found(field: Field) -> None:
    """State everybody. ``boss`` stands above ``chief``, who stands above all staff; both hold every approving role."""
    for account, manager in ((BOSS, ""), (CHIEF, BOSS), *((f"staff{n:03d}", CHIEF) for n in range(STAFF))):
        field.state("persons", {"person": person(account)} | ({"manager": person(manager)} if manager else {}))
        field.state("accounts", {"account": account, "person": person(account)})
    for name in (BOSS, CHIEF):
        for role in ("firewall_approver", "root_approver", "release_approver"):
            field.state("posts", {"role": role, "person": person(name)})
    for n in range(STAFF // 2):
        field.state("posts", {"role": "firewall_admin", "person": person(f"staff{n:03d}")})
    field.state("assets", {"asset": "matching-engine", "tags": ["core"]})
    for detector, subject in (
        ("firewall_change_unapproved", "group"), ("root_use_without_approval", "host"),
        ("unannounced_web_or_program_change", "host"), ("repeated_failed_logins", "host"),
    ):  # fmt: skip
        field.state("exceptions", {
            "exception": f"EX-{subject}-{detector[:4]}", "detector": detector, "subject": {subject: "waived-*"},
            "reason": "old equipment", "approver": "boss", "from": BEGIN, "to": BEGIN + 32 * HOUR,
        })  # fmt: skip


def person(account: str) -> str:
    """Id of the person with ``account``."""
    return f"P-{account.upper()}"


def staff(field: Field, *, admins: bool = True) -> str:
    """Somebody's account: of those designated for firewalls, or of the others."""
    half = STAFF // 2
    return f"staff{field.chance.randrange(half) + (0 if admins else half):03d}"
