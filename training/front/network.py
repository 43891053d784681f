"""The network that is trained: embedding bags, one hidden layer, a linear way past it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from leeward.models.front_features import TABLE_BITS

WIDTH = 64
HIDDEN = 96
HIDDEN_OF_MEANING = 64
MEANING = 64  # dimensions of the sentence embedding that the bags learn to predict


class Network(nn.Module):
    """Scores each hazard, and predicts where a multilingual encoder would place the text."""

    def __init__(self, hazards: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.zeros(1 << TABLE_BITS, WIDTH))
        self.meaning = nn.Linear(2 * WIDTH, MEANING)
        self.hidden_of_meaning = nn.Linear(MEANING, HIDDEN_OF_MEANING)
        self.out_of_meaning = nn.Linear(HIDDEN_OF_MEANING, hazards)
        self.hidden = nn.Linear(2 * WIDTH, HIDDEN)
        self.direct = nn.Linear(2 * WIDTH, hazards)
        self.out = nn.Linear(HIDDEN, hazards, bias=False)

    def pooled(
        self, rows: npt.NDArray[np.int64], bags: npt.NDArray[np.int64], weights: npt.NDArray[np.float32]
    ) -> Tensor:
        """Return the two pooled bags of each text, side by side [texts, 2 * WIDTH]."""
        sums = nn.functional.embedding_bag(
            torch.from_numpy(rows), self.table, torch.from_numpy(bags), mode="sum",
            per_sample_weights=torch.from_numpy(weights),
        )  # fmt: skip
        return sums.view(-1, 2 * WIDTH)

    def logits_by_meaning(self, pooled: Tensor) -> Tensor:
        """Return one logit per hazard from what the text means, which is alike in all languages."""
        return self.out_of_meaning(torch.relu(self.hidden_of_meaning(self.meaning(pooled))))  # type: ignore[no-any-return]

    def logits(self, pooled: Tensor) -> Tensor:
        """Return one logit per hazard from meaning and words together."""
        by_words = self.direct(pooled) + self.out(torch.relu(self.hidden(pooled)))
        return self.logits_by_meaning(pooled) + by_words  # type: ignore[no-any-return]

    def folded(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the network as one hidden layer and a direct way: weights, biases, and weights from hidden to hazards.

        The meaning is linear in the pooled bags, so its hidden units are hidden units of the bags.
        """
        through = self.hidden_of_meaning.weight @ self.meaning.weight
        bias = self.hidden_of_meaning.weight @ self.meaning.bias + self.hidden_of_meaning.bias
        weights = torch.cat((self.hidden.weight, through, self.direct.weight))
        biases = torch.cat((self.hidden.bias, bias, self.direct.bias + self.out_of_meaning.bias))
        return (
            weights.detach(),
            biases.detach(),
            torch.cat((self.out.weight, self.out_of_meaning.weight), dim=1).detach(),
        )


class RowAdagrad:
    """Adagrad with one step size per table row; rows never asked for stay zero.

    Source:
        Duchi, Hazan, Singer (2011), JMLR 12:2121-2159.
    """

    def __init__(self, table: nn.Parameter, rate: float) -> None:
        self.table, self.rate = table, rate
        self.squares = torch.zeros(len(table))

    @torch.no_grad()
    def step(self, rows: npt.NDArray[np.int64]) -> None:
        """Move the rows that this batch asked for, and forget the gradient."""
        gradient = self.table.grad
        assert gradient is not None
        touched = torch.from_numpy(np.unique(rows))
        moved = gradient[touched]
        squares = self.squares[touched] + moved.square().mean(1)
        self.squares[touched] = squares
        self.table[touched] -= self.rate * moved / (squares.sqrt() + 1e-8).unsqueeze(1)
        gradient[touched] = 0.0
