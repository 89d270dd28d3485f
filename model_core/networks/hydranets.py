"""A classifier with specialised branches (HydraNets, Mullapudi et al., CVPR 2018).

The stem is the beginning of a plain residual network; what follows it there, one wide stage for all classes,
is here a narrow branch for each group of similar classes, of which a gate runs a few.
"""

from __future__ import annotations

from torch import Tensor, nn

from .branches import Branches, BranchOutput
from .resnet import residual_stages


class HydraNets(nn.Module):
    """Stem, gate, branches, combiner.

    Args:
        width: channels of the stem's first stage; it ends with twice as many at a quarter of the image.
        branches: how many there are.
        classes: of the prediction.
        branch_width, branch_depth: channels and convolutions of a branch.
        noise: on the gate's logits in training.
        deploy: build the folded form.
    """

    STAGES = 2

    def __init__(
        self,
        width: int,
        branches: int,
        classes: int,
        *,
        branch_width: int = 64,
        branch_depth: int = 3,
        noise: float = 0.1,
        deploy: bool = False,
    ) -> None:
        super().__init__()
        self.stem = residual_stages(width, self.STAGES, deploy=deploy)
        self.head = Branches(
            width * 2 ** (self.STAGES - 1),
            branch_width,
            branch_depth,
            branches,
            classes,
            noise=noise,
            deploy=deploy,
        )

    @property
    def gate(self) -> nn.Module:
        """The gate of the branches."""
        return self.head.gate

    @property
    def experts(self) -> nn.ModuleList:
        """The branches, under the name they have in every gated classifier."""
        return self.head.branches

    def features(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) -> the stem's (N, 2 * width, H / 4, W / 4)."""
        return self.stem(x)

    def decide(self, features: Tensor, k: int, gates: Tensor | None = None) -> BranchOutput:
        """Run the `k` strongest branches of each sample; no other is computed.

        Args:
            features: of the stem.
            k: branches a sample; while training softly all run, see `Branches.forward`.
            gates: (N, branches) to use in place of the gate's own; one-hot rows ask one branch alone.
        """
        return self.head(features, k, gates=gates)

    def forward(self, x: Tensor, k: int | None = None) -> BranchOutput:
        """(N, 3, H, W) -> what the branches say; all of them run if no `k` is given."""
        return self.decide(self.features(x), len(self.experts) if k is None else k)
