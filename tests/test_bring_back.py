"""docs/bring-back.md against the schemas of the resource types: what each type is found by, and whether it can be imported."""

from __future__ import annotations

import re
from typing import Final

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from helpers import ROOT
from trailkey import cloudformation

PAGE: Final = (ROOT / "docs" / "bring-back.md").read_text(encoding="utf-8")
ROWS: Final = {
    kind: (found_by, how)
    for kind, found_by, how in re.findall(r"^\| (AWS::\S+) \| (\w+) \| (.+) \|$", PAGE, flags=re.MULTILINE)
}


def kept_types() -> set[str]:
    """Return the types of all templates in the repository that stay when their stack is deleted."""
    templates = [*(ROOT / "output").rglob("*.yaml"), *(ROOT / "tests" / "golden").rglob("expected/*.yaml")]
    resources = [
        resource
        for path in templates
        for resource in cloudformation.load(path.read_text(encoding="utf-8"), str(path))["Resources"].values()
    ]
    return {one["Type"] for one in resources if one.get("DeletionPolicy", "Delete") != "Delete"}


def test_every_type_that_stays_is_in_the_table_and_no_other() -> None:
    assert set(ROWS) == kept_types()


def test_each_is_found_by_its_primary_identifier_and_imported_where_it_can_be() -> None:
    for kind, (found_by, how) in ROWS.items():
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
        assert schema["primaryIdentifier"] == [f"/properties/{found_by}"], kind
        assert ("read" in schema["handlers"]) is not how.startswith("cannot be imported"), kind
        # A name that the template gives is what --import-existing-resources goes by.
        assert not how.startswith("by its name") or f"/properties/{found_by}" not in schema.get(
            "readOnlyProperties", ()
        )
