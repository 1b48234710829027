from tests.scenarios.conftest import *  # noqa: F403 - the same servers
