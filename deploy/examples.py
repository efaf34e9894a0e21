"""Example appeals for whoever tries a running stack (endpoints.json), with the responsible tenants.

Who is responsible is computed as the services compute it; nothing is written down here but what residents say.
"""

from __future__ import annotations

from typing import Any

from services.intake.domain.receive import matter_key
from services.intake.understand import understand
from services.routing.judge import judge
from shared.contracts.channel import Submitted
from shared.policy import Jurisdiction
from shared.policy.places import Compound

SAID = (
    "暖气片一整天都是凉的，屋里只有13度，家里有个刚满月的宝宝",
    "入户的供暖管道接头在漏水，地板都泡起来了，需要尽快来人",
    "退了去年的停供申请，今年还是按全额扣了采暖费，多收的钱不退",
    "新买的二手房查不到供暖户号，缴费一直交不了",
    "换热站整夜嗡嗡响，靠近的两栋楼根本睡不着",
    "楼里暖气管老化，还是串联的，二十多户想一起改造成分户",
    "电梯连着三天卡在五楼，物业一直没找人修",
    "门禁坏了半个月，外来人员随便进出，保安也不在岗",
    "一楼的下水道堵了，污水往屋里返，味道很大",
    "外墙保温层鼓包开裂，风一吹就往下掉块",
    "儿童滑梯的护栏断了一截，孩子玩的时候很危险",
    "物业费年年涨，公共收益的账目从来不公示",
    "物业通知月底撤场，业委会还没选出来，后面没人接",
    "电动车充电桩不够，物业不同意再装",
    "楼顶防水层坏了，一下雨顶楼就漏",
    "门口马路的井盖破了个口子，晚上骑车容易掉进去",
    "人行道上共享单车堆成一片，轮椅过不去",
    "每天傍晚烧烤摊占道经营，油烟往楼上飘",
    "旁边工地凌晨还在打桩，噪音大得没法睡",
    "一楼住户在院子里私自搭建阳光房，把通道占了",
    "从昨天晚上开始停水，到现在都没水做饭",
    "自来水放出来是黄的，有一股铁锈味",
    "整栋楼停电，家里冰箱里的东西都要坏了",
    "楼道里有很浓的燃气味道，不敢开灯",
    "天然气停气两天了，做不了饭",
    "隔壁把鞋柜和纸箱都堆在楼道里，走路要侧身",
    "楼上半夜跳绳，吵得孩子睡不着，说过几次不听",
    "独居的奶奶腿摔了，没人照顾，想请网格员上门看看",
    "低保申请交上去三个月没有结果",
    "地下车库的电动车电瓶被偷了，监控也看不清",
    "开发商逾期交房八个月，违约金不给",
    "交房三年了房产证一直办不下来，开发商总说在等备案",
)


def examples(jurisdiction: Jurisdiction) -> list[dict[str, Any]]:
    """{"submitted", "lead_agency", "assist_agencies", "team"} per appeal that opens a case; no matter twice.
    Homes under warranty are left out: who assists there depends on the day."""
    settled = [
        one for one in jurisdiction.places.compounds if one.heating and one.heating.warranty_until is None
    ]
    found: list[dict[str, Any]] = []
    seen: set[str] = set()
    for number, text in enumerate(SAID):
        body = _body(text, settled[number * 7 % len(settled)])
        appeal = Submitted.model_validate(body)
        read = understand(appeal.text, appeal.nature, appeal.category, appeal.location, jurisdiction)
        matter = matter_key(read.place, read.category, str(number), jurisdiction)
        if read.answer or read.not_accepted or matter in seen:
            continue
        judged = judge(read.category, read.nature, text, read.place, appeal.indoor_temperature, jurisdiction)
        if read.confidence < jurisdiction.policy.confidence.category or not judged.lead_agency:
            continue  # the centre's desk decides, not the registry
        seen.add(matter)
        found.append(
            {
                "submitted": body,
                "lead_agency": judged.lead_agency,
                "assist_agencies": list(judged.assist_agencies),
                "team": jurisdiction.tenants.team_for(read.place),
            }
        )
    return found


def _body(text: str, compound: Compound) -> dict[str, Any]:
    return {
        "text": text,
        "location": {"compound": compound.name, "building": "1", "entrance": "1", "room": "301"},
        "reporter": {"phone": "13800000000"},
    }
