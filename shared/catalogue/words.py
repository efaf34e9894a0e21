"""What the catalogue says in words: Chinese first, English beside.

One term, one identifier: a field means the same wherever it stands, so it is explained once, by its name. Where one
name must mean different things, ``Model.field`` comes before ``field``. English for events and parts is the first
paragraph of their docstrings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pydantic import BaseModel

Words = tuple[str, str]
"""(Chinese, English)"""

_OURS = re.compile(r" ?\((CONTRACTS|DESIGN|DOMAIN)[^)]*\)")
"""References to our own documents, which say nothing outside."""


@dataclass(frozen=True)
class Title:
    """The name and the sentence of an event or a part."""

    name: str
    zh: str
    en: str


class Unexplained(LookupError):
    """An event, a part or a field outside which nobody has put in words here."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is not explained in shared/catalogue/words.py")


def title(model: type[BaseModel]) -> Title:
    """Raises :class:`Unexplained` where nobody has said it in Chinese."""
    if model.__name__ not in MODELS:
        raise Unexplained(model.__name__)
    name, zh = MODELS[model.__name__]
    en = _OURS.sub("", (model.__doc__ or "").split("\n\n")[0]).replace("``", "")
    return Title(name, zh, " ".join(en.split()))


def words(model: str, field: str) -> Words:
    """Raises :class:`Unexplained` where nobody has explained the field."""
    for name in (f"{model}.{field}", field):
        if name in FIELDS:
            return FIELDS[name]
    raise Unexplained(f"{model}.{field}")


OUTSIDERS: dict[str, Words] = {
    "channel": ("渠道", "Channels"),
    "agency": ("承办单位", "Agencies"),
    "team": ("回访队伍", "Field teams"),
}

MODELS: dict[str, Words] = {
    "Submitted": ("诉求", "居民的一次诉求，说一次发一次。"),
    "Urged": ("催问", "居民再次询问办理情况。"),
    "Supplemented": ("补充", "居民补充说明或材料。"),
    "Withdrawn": ("撤回", "居民撤回诉求。"),
    "Contested": ("异议", "居民不认可办理结果。"),
    "NoticeRegistered": ("已立案", "诉求立为新案卷。"),
    "NoticeMerged": ("已并案", "诉求并入已有案卷；appeals 为案卷下的诉求总数。案卷拆分后会再次告知。"),
    "NoticeAnswered": ("直接答复", "当即答复，附给居民的话。"),
    "NoticeNotAccepted": ("不予受理", "不予立案，并说明原因。"),
    "NoticeRejected": ("消息被拒", "您的消息未被采用：哪个字段、什么问题。"),
    "NoticeProgressed": ("进展", "案卷向前走了一步。"),
    "NoticeClosed": ("结案", "办理结束，附给居民的话。"),
    "DispatchAssigned": ("派单", "一个案卷交给一个单位办理：做什么、何时之前。"),
    "DispatchUpdated": ("承办单更新", "承办单的现状：诉求与户数、地点，以及现在可以告知的信息。"),
    "DispatchReminded": ("催办", "时限将到（overdue 为 false）或已过。"),
    "DispatchSupervised": ("督办", "上级开始督办此承办单。"),
    "DispatchWithdrawn": ("承办单撤回", "不再需要办理。"),
    "DispatchExtensionDecided": ("延期批复", "中心对延期的决定；现以 resolve_by 为准。"),
    "DispatchDeferralDecided": ("缓办批复", "中心对缓办的决定。"),
    "DispatchVerified": ("回访结果", "回访看到的情况。"),
    "DispatchRefused": ("消息被拒", "您的消息未被采用，并说明原因。"),
    "Accepted": ("签收", "单位接下承办单。"),
    "Contacted": ("已联系群众", "单位已与居民通话或见面。"),
    "Arrived": ("已到场", "单位到达现场。"),
    "Progressed": ("办理中", "工作在继续，不表示完成哪一步。"),
    "Returned": ("退单", "不属本单位，附原因；只能在办结之前。"),
    "ExtensionRequested": ("申请延期", "申请更多时间，限一次，附理由。"),
    "DeferralRequested": ("申请缓办", "目前无法办理：原因、计划、何时复查。"),
    "Resolved": ("办结", "单位表示已办完：做了什么，对居民说了什么。"),
    "RevisitDue": (
        "回访任务",
        "上门询问并测温；多户时共 households 户，可从 places 中选。再次上门针对未联系上的住户，不早于 not_before。",
    ),
    "RevisitWithdrawn": ("任务撤回", "不再需要回访。"),
    "RevisitRefused": ("消息被拒", "您的消息未被采用，并说明原因。"),
    "Revisited": ("已回访", "问过一户，或没能问到。"),
    "HazardFound": ("发现隐患", "在有人反映之前发现。"),
    "Patrolled": ("已巡查", "走完一个网格，附发现数。"),
    "Attachment": ("附件", "事先经 HTTP 交来的文件；消息里只有编号和摘要。"),
    "CategoryRef": ("类别", "单位看到的类别：代码和自上而下的名称。"),
    "Contact": ("联系人", "如何联系居民；披露哪些由政策决定。"),
    "Excuse": ("免责事由", "室温低而不归责于单位的原因；经批准才算。"),
    "Closed": ("限额", "被拒消息的限额用完：到期限为止只计数，期满后告知计数。"),
    "FieldError": ("错误", "消息中的一处问题：哪个字段、什么问题。"),
    "Location": ("地点", "反映人所写的地点；compound 可以是代码，也可以是居民的叫法。"),
    "Meeting": ("会议", "请单位参加的现场会或协商会。"),
    "Person": ("经办人", "对方是谁经手。"),
    "Point": ("坐标", "以度表示的地面位置；gcj02 即国内地图所用。"),
    "PlanStep": ("计划步骤", "专班计划中的一步：第几步、共几步、做什么。"),
    "Reading": ("测温", "实测室温，摄氏度。"),
    "Reporter": ("反映人", "谁在反映，限于其愿意公开的。"),
    "ReworkNote": ("返工说明", "承办单为何再次下达。"),
}
"""Event or part -> (its name, what it says)."""

FIELDS: dict[str, Words] = {
    "accept_by": ("签收时限", "accept by then"),
    "address": ("地址原文", "the address as it was written"),
    "agenda": ("议题", "what it is about"),
    "anonymous": ("是否匿名", "the reporter does not want to be named"),
    "answer": ("给居民的答复", "words for the resident"),
    "appeal_id": ("诉求编号，由系统给出", "the appeal's id, given by the system"),
    "appeals": ("案卷下的诉求数", "how many appeals stand behind the case"),
    "arrive_by": ("到场时限", "be on site by then"),
    "assignment_id": ("承办单编号", "the assignment's id"),
    "at": ("发生时间", "when it happened, by the speaker's clock; at most 5 minutes ahead"),
    "NoticeProgressed.at": ("发生时间", "when it happened"),
    "Reading.at": ("测温时间", "when it was measured"),
    "attachments": ("附件", "files handed in over HTTP beforehand"),
    "attempt": ("第几次上门", "which attempt this is, from 1"),
    "building": ("楼栋", "building"),
    "by": ("经办人", "who acted"),
    "case_id": ("案卷编号", "the case's id"),
    "case_no": ("案卷号，供人阅读", "the case's number, for people"),
    "category": ("类别", "what it is about"),
    "Submitted.category": (
        "类别提示：类别树中的代码，不认识的忽略",
        "a hint, a code of the category tree; unknown ones are ignored",
    ),
    "celsius": ("室温，摄氏度", "room temperature, degrees Celsius"),
    "code": ("类别代码", "the category's code"),
    "Excuse.code": ("事由代码", "which excuse"),
    "closed": ("限额用完：到时只计数，不逐条答复", "a limit is reached: what follows is only counted"),
    "compound": ("小区：代码或居民的叫法", "the compound, its code or its name in residents' spelling"),
    "compounds": ("涉及小区数", "how many compounds the appeals came from"),
    "confidential": ("是否保密", "who reported it must stay unknown"),
    "contact": ("联系人，按政策披露", "how to reach the resident, as far as the policy discloses it"),
    "contact_by": ("联系群众时限", "speak to the resident by then"),
    "count": ("第几次返工", "how many reworks there have been"),
    "crs": ("坐标系", "coordinate system"),
    "deadline": ("哪一个时限", "which deadline"),
    "doors_closed": ("测温时门窗是否关闭", "doors and windows were closed"),
    "due": ("时限", "when it is due"),
    "due_by": ("回访时限", "go there by then"),
    "entrance": ("单元", "entrance"),
    "errors": ("哪些字段有什么问题", "which fields, and what is the matter with each"),
    "evidence": ("办结凭证（文件）", "files that show it"),
    "excuse": ("免责事由", "why a cold flat is not the agency's"),
    "external_ref": ("渠道自己的编号", "the channel's own number"),
    "field": ("字段，嵌套以点相连", "the field; nested ones are joined by dots"),
    "findings": ("发现数", "number of findings"),
    "found_by": ("来源：居民、巡查、走访或平台", "who found it"),
    "granted": ("是否批准", "whether it was granted"),
    "grid_code": ("网格代码", "code of the grid"),
    "held": ("回访是否通过", "whether it held"),
    "households": ("涉及户数", "how many households"),
    "how": ("联系方式", "how the resident was reached"),
    "id": ("文件编号，上传时给出", "the file's id, as it was answered on upload"),
    "in_reply_to": ("所答复的您那条消息的 ce-id", "ce-id of your message"),
    "indoor_temperature": ("反映的室温，摄氏度", "reported room temperature, degrees Celsius"),
    "instead_of": ("由哪个案卷拆分而来", "the case it was split off from"),
    "key_household": ("是否重点群体家庭", "a household with priority"),
    "kind": ("缓办类型", "which kind of deferral"),
    "RevisitDue.kind": ("任务类型：回访、抽查、走访、复查", "which kind of task"),
    "lat": ("纬度，度", "latitude, degrees"),
    "lead_agency": ("主办单位", "the lead agency's id"),
    "level": ("督办级别", "how far up it is watched"),
    "location": ("地点", "where"),
    "lon": ("经度，度", "longitude, degrees"),
    "mass_incident": (
        "是否集中诉求：短时间内多户、多小区反映同一问题",
        "a burst: many appeals, or compounds, within a short time",
    ),
    "measure": ("是否测温", "take the room temperature"),
    "measures": ("采取的措施", "what was done"),
    "media_type": ("媒体类型", "media type"),
    "meeting": ("请单位参加的会议", "a meeting the agency is called to"),
    "mode": ("办理方式：自主办、共同办、吹哨、专班", "how agencies work together"),
    "name": ("姓名或称呼", "name"),
    "nature": ("诉求性质", "nature of the appeal"),
    "not_before": ("不早于", "not before then"),
    "note": ("备注", "a note"),
    "number": ("第几步", "which step, from 1"),
    "of": ("共几步", "how many steps there are"),
    "outcome": ("结果", "outcome"),
    "overdue": ("是否已超期", "the deadline has passed"),
    "path": ("自上而下的类别名称", "names from the root down"),
    "phone": ("电话", "telephone number"),
    "phone_masked": ("隐去中段的电话", "telephone number, veiled"),
    "photo": ("照片的文件编号", "file id of a photograph"),
    "places": ("各处地点", "all the places"),
    "plan": ("后续计划", "what will be done, and when"),
    "point": ("坐标", "coordinates"),
    "policy": ("适用的政策，编号@版本", "the policy applied, id@version"),
    "previous": ("上一张承办单", "the assignment before"),
    "problem": ("什么问题", "what is the matter"),
    "readings": ("测温记录", "room temperatures measured"),
    "reason": ("原因", "why"),
    "reason_code": ("原因代码", "why, as a code"),
    "reply": ("给居民的话", "words for the resident"),
    "report_in_by": (
        "吹哨报到时限；签收或其后任何一步即为报到",
        "report in by then: accepting, or any later step",
    ),
    "reported_at": ("反映时间", "when it was reported"),
    "reporter": ("反映人", "who speaks"),
    "represents_households": ("代表的户数", "for how many households they speak"),
    "resolve_by": ("办结时限", "resolve by then"),
    "review_at": ("复查时间", "when to look again"),
    "rework": ("返工说明；有此项即为返工", "present when this is a rework"),
    "role": ("主办或协办", "lead or assist"),
    "room": ("房号", "room number"),
    "Reading.room": ("房间：客厅、卧室、其他", "which room"),
    "root_cause": ("根本原因", "what caused it"),
    "satisfaction": ("满意度", "how content the resident is"),
    "sha256": ("文件的 SHA-256，十六进制", "SHA-256 of the file, hexadecimal"),
    "signed": ("住户是否签字确认", "the household signed for it"),
    "solved": ("住户认为是否解决", "solved, in the resident's words"),
    "stage": ("走到哪一步", "which step"),
    "step": ("专班计划的步骤；有此项即为其中一步", "present when this is a step of a task force's plan"),
    "suggested_agency": ("建议转给的单位", "whose it is instead"),
    "summary": ("摘要", "in one sentence"),
    "task": ("这一步做什么", "what is to be done in it"),
    "task_id": ("任务编号", "the task's id"),
    "supplements": (
        "居民后来补充的话，已隐去电话门牌，最近的在后",
        "what residents added since, veiled, the latest last",
    ),
    "text": ("内容", "what was said"),
    "DispatchUpdated.text": ("居民刚补充的话，已隐去电话门牌", "what a resident has just added, veiled"),
    "answered": ("本时段内已逐条答复的条数", "refusals told one by one in this window"),
    "matter": ("限额所涉的事项编号", "the matter that the limit is about"),
    "scope": ("限额范围：一小时内，或某一事项", "a limit of the hour, or of one matter"),
    "unanswered": ("只计数、未答复的条数", "how many were counted instead"),
    "Closed.until": ("到何时为止", "until then"),
    "until": ("希望延到何时", "until when"),
    "Excuse.until": ("事由到何时为止", "until when the excuse holds"),
    "title": ("标题，有则给", "what a form or a board calls the subject"),
    "upstream_due": ("上级平台的时限", "deadline of the platform it comes from"),
    "urged": ("催问次数", "how often residents have asked again"),
    "when": ("时间", "when"),
    "where": ("地点", "where"),
    "urgency": ("紧急程度", "how urgent"),
}
"""``field`` or ``Model.field`` -> what it means."""
