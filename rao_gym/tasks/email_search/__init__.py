"""The e-mail family: one answer in one mail of a mailbox."""

from rao_gym.tasks.email_search.family import EmailSearch
from rao_gym.tasks.email_search.policies import MailPolicy
from rao_gym.tasks.email_search.store import write_mailbox

__all__ = ["EmailSearch", "MailPolicy", "write_mailbox"]
