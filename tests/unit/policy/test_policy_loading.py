"""A pack is read whole or refused by name; its rules answer for every category, urgency and nature."""

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml

from shared.policy import Jurisdiction, PolicyError, load
from shared.policy.rules import Sample, covers

SAMPLE = Path(__file__).parents[3] / "deploy" / "packs" / "nuanhe"


@pytest.fixture(scope="module")
def here() -> Jurisdiction:
    return load(SAMPLE)


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    shutil.copytree(SAMPLE, tmp_path / "pack")
    return tmp_path / "pack"


def changed(pack: Path, file: str, change) -> Path:
    path = pack / file
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return pack


def without_catch_all(content) -> None:
    content["categories"] = [one for one in content["categories"] if one["code"] != "other"]


@pytest.mark.parametrize(
    ("file", "change", "named"),
    [
        ("policy/policy.yaml", lambda c: c.update(rework_limits=3), "rework_limits"),
        ("policy/policy.yaml", lambda c: c["merge_window"].update(default="7 days"), "merge_window.default"),
        ("policy/policy.yaml", lambda c: c["deadlines"].pop(), "last rule must match everything"),
        ("policy/policy.yaml", lambda c: c["disclosure"].pop(), "disclosure"),
        ("policy/categories.yaml", lambda c: c["categories"][0].update(lead_kinds=["heating"]), "lead_kinds"),
        ("policy/responsibility.yaml", lambda c: c["rows"].pop(), "last row must match everything"),
        ("policy/responsibility.yaml", lambda c: c["rows"][0].update(lead=["plumber"]), "plumber"),
        ("policy/responsibility.yaml", lambda c: c["rows"][0].update(area=["nh-99"]), "nh-99"),
        ("policy/responsibility.yaml", lambda c: c["rows"][0].update(when=["{nothing}"]), "nothing"),
        ("policy/categories.yaml", without_catch_all, "catch-all"),
        ("policy/words.yaml", lambda c: c["choices"].pop("heat"), "heat"),
        ("tenants.yaml", lambda c: c["tenants"].append(dict(c["tenants"][0])), "named twice"),
        ("tenants.yaml", lambda c: c["tenants"][0].update(id="Not A Token"), "id"),
        ("tenants.yaml", lambda c: c["tenants"][-1].update(serves=["nowhere"]), "team serving"),
        ("places.yaml", lambda c: c["compounds"][0].update(community="atlantis"), "community"),
        ("places.yaml", lambda c: c["compounds"][0].update(code="c002"), "used twice"),
    ],
)
def test_a_mistake_is_refused_with_its_file_and_key(pack: Path, file: str, change, named: str) -> None:
    with pytest.raises(PolicyError, match=named) as refused:
        load(changed(pack, file, change))
    assert all(problem.line for problem in refused.value.problems)
    assert {Path(problem.file).parent.name for problem in refused.value.problems} == {
        (pack / file).parent.name
    }


def test_an_area_that_is_no_place_is_refused(pack: Path) -> None:
    with pytest.raises(PolicyError, match="nh-99"):
        load(changed(pack, "tenants.yaml", lambda c: c["tenants"][-2]["serves"].append("nh-99")))


def test_where_a_removed_tenant_served_need_not_be_a_place_any_more(pack: Path) -> None:
    """Registries written before a removal forgot the areas."""

    def gone(content) -> None:
        content["tenants"][-2].update(state="removed", serves=["nh-99"])

    assert load(changed(pack, "tenants.yaml", gone))


def test_a_pack_where_an_unplaced_appeal_would_reach_nobody_is_refused(pack: Path) -> None:
    def nobody_everywhere(content) -> None:
        for tenant in content["tenants"]:
            if tenant.get("agency_kind") in ("subdistrict", "grid_team"):
                tenant["serves"] = ["nh-01"]

    with pytest.raises(PolicyError, match="would reach nobody"):
        load(changed(pack, "tenants.yaml", nobody_everywhere))


@pytest.mark.parametrize("broken", ["", "- a list", "a: [1", "a: 1\n b: 2"])
def test_a_file_that_is_no_mapping_is_refused(pack: Path, broken: str) -> None:
    (pack / "tenants.yaml").write_text(broken, encoding="utf-8")
    with pytest.raises(PolicyError, match=r"tenants\.yaml"):
        load(pack)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"places\.yaml"):
        load(tmp_path)


def test_heat_is_answered_within_the_published_limits(here: Jurisdiction) -> None:
    spans = here.policy.deadlines("heating.no_heat", "urgent", "help")
    assert spans.accept == timedelta(minutes=30)
    assert spans.contact is not None
    assert spans.contact <= timedelta(hours=2)
    assert spans.arrive == timedelta(hours=24)
    assert spans.resolve == timedelta(hours=48)


def test_danger_goes_before_the_category(here: Jurisdiction) -> None:
    for category in ("heating.leak", "gas.leak", "city.road", "other"):
        assert here.policy.deadlines(category, "emergency", "help").arrive == timedelta(hours=2)


def test_every_category_has_clocks_in_the_order_of_the_steps(here: Jurisdiction) -> None:
    for category in here.policy.tree.categories:
        for urgency in ("emergency", "urgent", "normal"):
            for nature in (
                "consultation",
                "help",
                "complaint",
                "suggestion",
                "praise",
                "report_of_wrongdoing",
            ):
                spans = here.policy.deadlines(category.code, urgency, nature)
                steps = [span for span in (spans.accept, spans.contact, spans.arrive, spans.resolve) if span]
                assert steps == sorted(steps)


def test_heat_merges_for_less_long_than_the_rest(here: Jurisdiction) -> None:
    assert here.policy.merge_window("heating.no_heat") == timedelta(hours=72)
    assert here.policy.merge_window("housing.title") == timedelta(days=7)


def test_phone_and_room_wait_for_acceptance_in_heat_and_are_the_leads_alone(here: Jurisdiction) -> None:
    assert here.policy.disclosure("heating.no_heat", "lead") == "on_acceptance"
    assert here.policy.disclosure("heating.no_heat", "assist") == "never"
    assert here.policy.disclosure("gas.leak", "lead") == "at_once"


@pytest.mark.parametrize(
    ("day", "held"),
    [
        (date(2026, 11, 14), False),
        (date(2026, 11, 15), True),
        (date(2027, 1, 1), True),
        (date(2027, 3, 15), True),
        (date(2027, 3, 16), False),
    ],
)
def test_the_season_holds_both_its_ends_and_the_new_year(here: Jurisdiction, day: date, held: bool) -> None:
    assert here.policy.in_season(day) is held


@pytest.mark.parametrize(("households", "asked"), [(1, 1), (5, 5), (6, 6), (15, 6), (16, 7), (300, 35)])
def test_the_sample_is_all_up_to_five_then_a_tenth_rounded_up(households: int, asked: int) -> None:
    assert Sample(all_up_to=5, then_share=0.1).size(households) == asked


def test_a_reminder_comes_in_the_last_quarter_and_never_half_a_day_before(here: Jurisdiction) -> None:
    assert here.policy.remind_before(timedelta(hours=2)) == timedelta(minutes=30)
    assert here.policy.remind_before(timedelta(days=15)) == timedelta(hours=12)


def test_a_prefix_covers_whole_steps_of_a_code_only() -> None:
    assert covers("", "heating.fees")
    assert covers("heating", "heating.fees")
    assert covers("heating.fees", "heating.fees")
    assert not covers("heat", "heating.fees")
    assert not covers("heating.fees", "heating")


def test_an_unknown_category_is_the_catch_all(here: Jurisdiction) -> None:
    assert here.policy.category("nobody.knows").code == "other"
    assert here.policy.category_ref("nobody.knows").code == "other"


def test_the_label_names_policy_and_version(here: Jurisdiction) -> None:
    assert here.policy.label == f"{here.policy.id}@{here.policy.version}"


def test_the_longest_prefix_sets_the_merge_window(pack: Path) -> None:
    def finer(content) -> None:
        content["merge_window"]["by_category"]["heating.fees"] = "30d"

    policy = load(changed(pack, "policy/policy.yaml", finer)).policy
    assert policy.merge_window("heating.fees") == timedelta(days=30)
    assert policy.merge_window("heating.no_heat") == timedelta(hours=72)
