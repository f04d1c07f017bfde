"""What the agent does not do for whoever asks at its socket: a word, for programs and for logs."""


class RefusedError(Exception):
    """What was asked for is not done; `word` says why."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word
