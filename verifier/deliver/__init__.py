"""What a run of drills came to → e-mail, heartbeat, webhook, with a receipt for each in the drill's bundle.

A `Post` tells of a run, and later sends what could not be delivered; a `Receipt` stands in `delivery.jsonl`. Whatever
goes wrong is said, and changes no verdict.
"""

from verifier.deliver.history import with_history
from verifier.deliver.news import News
from verifier.deliver.post import Post
from verifier.deliver.receipt import Receipt
from verifier.deliver.trial import test

__all__ = ["News", "Post", "Receipt", "test", "with_history"]
