"""All attempts, in groups."""

from __future__ import annotations

from tests.attacks.attempts.acks import ACKS
from tests.attacks.attempts.administration import CONSUMERS, STREAMS, SYSTEMS
from tests.attacks.attempts.headers import HEADERS
from tests.attacks.attempts.limits import ITS_OWN, LIMITS
from tests.attacks.attempts.protocol import DOOR, LINES, SESSIONS
from tests.attacks.attempts.reading import FETCHING, LISTENING
from tests.attacks.attempts.writing import REPLYING, SUBJECTS, WRITING
from tests.attacks.judging import Attempt

GROUPS: dict[str, tuple[Attempt, ...]] = {
    "旁听 listening": LISTENING,
    "取信 fetching": FETCHING,
    "冒名 writing": WRITING,
    "转寄 replies": REPLYING,
    "主题 subjects": SUBJECTS,
    "签收 acks": ACKS,
    "流 streams": STREAMS,
    "消费者 consumers": CONSUMERS,
    "服务器 server": SYSTEMS,
    "消息头 headers": HEADERS,
    "进门 door": DOOR,
    "旧钥匙 old keys": SESSIONS,
    "协议 protocol": LINES,
    "限额 limits": LIMITS,
    "本分 its own": ITS_OWN,
}
"""``its own`` is what a tenant may do: it must change nothing of anybody else's."""
