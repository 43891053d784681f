"""Where windows begin and end: by position in the text, never by how it arrived."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowPlan:
    """How a text is cut into windows.

    Windows end at `reach_chars + stride_chars`, then every `stride_chars`, and at the end of the text. Each holds
    the `size_chars` characters before its end; the last one reaches back `reach_chars` before the end of the one
    before it, or `least_chars` if that is more. So each run of `reach_chars` characters lies whole in some window,
    and text may leave once a window has been examined that ends at least `reach_chars` behind it.

    Attributes:
        stride_chars: Distance of window ends; text waits at most stride + reach characters.
        reach_chars: Longest text that one finding may need to be seen whole.
        size_chars: Longest window, at least stride + reach.
        least_chars: Shortest last window, where the text has as much: a few characters alone say little.
    """

    stride_chars: int = 256
    reach_chars: int = 128
    size_chars: int = 384
    least_chars: int = 160

    def __post_init__(self) -> None:
        if self.stride_chars < 1 or self.reach_chars < 0:
            raise ValueError("a window plan needs stride_chars >= 1 and reach_chars >= 0")
        if self.size_chars < self.stride_chars + self.reach_chars:
            raise ValueError("size_chars must hold a stride and a reach")

    @property
    def hold_back_chars(self) -> tuple[int, int]:
        """Fewest and most characters that a stream holds back."""
        return self.reach_chars, self.reach_chars + self.stride_chars

    def reaching(self, reach_chars: int) -> WindowPlan:
        """Return this plan, with at least this reach."""
        if reach_chars <= self.reach_chars:
            return self
        size = max(self.size_chars, self.stride_chars + reach_chars)
        return replace(self, reach_chars=reach_chars, size_chars=size)

    def end_after(self, examined: int) -> int:
        """Return where the first window ends that ends behind `examined`."""
        steps = max(1, (examined - self.reach_chars) // self.stride_chars + 1)
        return self.reach_chars + steps * self.stride_chars

    def start_of(self, end: int) -> int:
        """Return where the window that ends at `end` begins."""
        return max(0, end - self.size_chars)

    def last_start(self, end: int, examined: int) -> int:
        """Return where the last window begins when the text ends at `end` and is examined up to `examined`."""
        return max(0, end - self.size_chars, min(examined - self.reach_chars, end - self.least_chars))


# Replies stream in small windows so that little is held back; prompts are there at once and are cut coarsely.
REPLY_WINDOWS = WindowPlan()
PROMPT_WINDOWS = WindowPlan(stride_chars=3_584, reach_chars=512, size_chars=4_096, least_chars=1_024)


@dataclass(frozen=True, slots=True, kw_only=True)
class CodePlan:
    """How code blocks are examined while they grow.

    Attributes:
        stride_chars: An open block is examined again after so many further characters.
        size_chars: Longest code view; of a longer block the last part is seen.
        holds: Whether code waits until a code view has covered it, because a rule of stage `code` can stop it.
    """

    stride_chars: int = 2_000
    size_chars: int = 24_000
    holds: bool = True
