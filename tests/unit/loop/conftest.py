"""A traceback drawn for a terminal takes longer than the test it is about."""

import logging

import structlog

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
