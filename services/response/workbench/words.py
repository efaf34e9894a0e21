"""What the clerk reads for a code."""

from __future__ import annotations

import re
from collections.abc import Mapping

STATES: Mapping[str, str] = {
    "assigned": "待签收",
    "accepted": "已签收",
    "arrived": "已到场",
    "deferred": "已缓办",
    "resolved": "已办结，待回访",
    "returned": "已退单",
    "withdrawn": "已撤回",
    "concluded": "已了结",
}
STEPS = {"accept": "签收", "contact": "联系群众", "arrive": "到场", "resolve": "办结"}
REPORT_IN = "报到"
URGENCY = {"emergency": "应急", "urgent": "紧急", "normal": "一般"}
NATURES = {
    "consultation": "咨询",
    "help": "求助",
    "complaint": "投诉",
    "report_of_wrongdoing": "举报",
    "suggestion": "建议",
    "praise": "表扬",
}
ROLES = {"lead": "主办", "assist": "协办"}
MODES = {"self": "自主办", "joint": "共同办", "whistle": "吹哨", "taskforce": "专班"}
RETURN_REASONS: Mapping[str, str] = {
    "not_ours": "不归我们管",
    "wrong_place": "地点不对",
    "duplicate": "重复派单",
    "insufficient": "信息不足",
    "user_side": "用户自身原因",
    "no_account_or_arrears": "无户号或欠费",
    "no_authority": "没有权限",
    "in_litigation": "正在诉讼",
    "other": "其他",
}
DEFERRALS: Mapping[str, str] = {"season": "季节", "engineering": "工程", "funding": "资金", "other": "其他"}
OUTCOMES: Mapping[str, str] = {
    "solved": "已解决",
    "partly": "部分解决",
    "explained": "已解释清楚",
    "user_side": "用户自身原因",
    "not_possible": "确实无法解决",
}
EXCUSES: Mapping[str, str] = {
    "stopped_by_user": "用户已报停",
    "never_opened": "从未开通",
    "arrears": "欠费",
    "user_alteration": "用户私自改动",
    "not_a_dwelling": "不是住宅",
    "trial_period": "试供热期间",
    "other": "其他",
}
ROOMS: Mapping[str, str] = {"living_room": "客厅", "bedroom": "卧室", "other": "其他房间"}
SATISFACTION = {"satisfied": "满意", "basically_satisfied": "基本满意", "dissatisfied": "不满意"}

_PROBLEMS = (
    ("is required", "必填"),
    ("RFC 3339", "请填完整的日期和时间"),
    ("ahead of the receipt", "时间还没到，请核对"),
    ("at most 4000 characters", "至多 4000 个字"),
    ("at most 200 characters", "至多 200 个字"),
    ("valid number", "请填数字"),
    ("than or equal to -60", "请填 -60 到 60 之间的温度"),
    ("than or equal to 60", "请填 -60 到 60 之间的温度"),
)

_ENGLISH = re.compile(r"(?<=[^\x00-\x7f]) \([\x20-\x7e]+\)$")


def problem(said: str) -> str:
    """A problem in the clerk's language; the rules' own come in Chinese with the English in brackets behind it."""
    return next((zh for part, zh in _PROBLEMS if part in said), _ENGLISH.sub("", said))


VERBS = {
    "accepted": "签收",
    "contacted": "已联系群众",
    "arrived": "已到场",
    "progressed": "报进展",
    "returned": "退单",
    "extension_requested": "申请延期",
    "deferral_requested": "申请缓办",
    "resolved": "办结",
}
"""What is said in a message of the contract."""

RATES: Mapping[str, tuple[str, str, str, str]] = {
    "accept": ("按时签收率", "时限内签收 ÷ 应签收的承办单", "按时", "超期或未签收"),
    "contact": ("按时联系率", "时限内联系群众 ÷ 要求联系的承办单", "按时", "超期或未联系"),
    "arrive": ("按时到场率", "时限内到场 ÷ 要求到场的承办单", "按时", "超期或未到场"),
    "resolve": ("按时办结率", "时限内办结 ÷ 应办结的承办单", "按时", "超期或未办结"),
    "rework": ("返工率", "回访未通过而返工 ÷ 已有回访结论的承办单", "返工", "未返工"),
    "return": ("退单率", "退单 ÷ 派发的承办单", "退单", "未退单"),
}
"""Name, how it is counted, and what the two lists behind it are."""
