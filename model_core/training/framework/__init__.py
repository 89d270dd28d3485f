"""What every trainer shares: options, run folders, schedules, losses of gates, checkpoints, epochs, analysis.

A new trainer gives `loop.fit` a *trainee* (see `loop.Trainee`) and gets the rest: seeding, AdamW with a
cosine rate, early stopping on validation, checkpoints to continue from, curves, and the run folder
`runs/YYYYMMDD_HHMMSS/{config.json, weights/, results/, analysis/}`. In full, for two gated experts:

>>> import torch
>>> from torch import nn
>>> from model_core.networks.gate import Gate
>>> from model_core.training.framework.analysis import analyse
>>> from model_core.training.framework.loop import fit
>>> from model_core.training.framework.losses import balance_loss, diversity_loss
>>> from model_core.training.framework.options import Options
>>> from model_core.training.framework.run_folder import new_run
>>> from model_core.training.framework.schedules import gate_temperature
>>> class TwoExperts(nn.Module):
...     def __init__(self, noise):
...         super().__init__()
...         self.gate = Gate(2, 2, noise)
...         self.experts = nn.ModuleList(nn.Linear(2, 2) for _ in range(2))
...     def forward(self, x, gates=None):
...         gates = self.gate(x) if gates is None else gates  # (N, 2)
...         answers = torch.stack([expert(x) for expert in self.experts], 1)  # (N, 2, classes)
...         return (gates[..., None] * answers).sum(1), gates
>>> class Corners:  # the trainee: is a point in one of two opposite corners? No line parts them
...     def __init__(self, options):
...         torch.manual_seed(options.seed)  # the weights to begin with belong to the seed
...         self.options, self.module = options, TwoExperts(options.noise)
...         self.x = torch.rand(256, 2) * 2 - 1
...         self.y = (self.x.prod(1) > 0).long()
...     def parameters(self):
...         return self.module.parameters()
...     def steps(self):
...         return 192 // self.options.batch_size
...     def batches(self, epoch):  # drawn from seed and epoch alone, never from what came before
...         order = torch.randperm(192, generator=torch.Generator().manual_seed(self.options.seed + epoch))
...         return order.split(self.options.batch_size)
...     def begin(self, epoch):
...         o = self.options
...         start, end = o.temperature_start, o.temperature_end
...         self.module.gate.temperature = gate_temperature(epoch, o.epochs, start, end)
...     def losses(self, batch):
...         logits, gates = self.module(self.x[batch])
...         return {
...             "classes": nn.functional.cross_entropy(logits, self.y[batch]),
...             "diversity": self.options.diversity_weight * diversity_loss(gates),
...             "balance": self.options.balance_weight * balance_loss(gates),
...         }
...     @torch.no_grad()
...     def validate(self):  # the first figure decides which epoch is the best
...         answers = self.module(self.x[192:])[0].argmax(1)
...         return {"accuracy": float((answers == self.y[192:]).float().mean())}
...     def watch(self):
...         return {}
>>> options = Options(epochs=40, batch_size=32, lr=0.05, patience=30, model_name="corners")
>>> trainee, run = Corners(options), new_run(runs)
>>> fit(trainee, options, run, log=lambda line: None)["best"]["accuracy"] > 0.9
True
>>> with torch.no_grad():
...     together, gates = trainee.module(trainee.x[192:])
...     alone = [trainee.module(trainee.x[192:], torch.eye(2)[[e]])[0].argmax(1) for e in range(2)]
>>> labels, alone = trainee.y[192:].numpy(), torch.stack(alone, 1).numpy()
>>> found = analyse(("no", "yes"), labels, gates.numpy(), alone, together.argmax(1).numpy())
>>> found.collapsed, found.accuracy_together > max(found.accuracy_alone)
(False, True)
>>> written = found.write(run / "analysis")

The command line of a trainer takes `options.add_arguments` and `options.from_arguments`. A trainer of another
shape, such as the joint one that counts steps, uses the parts: `Checkpoint`, `History`, `update`,
`cosine_rate`, `remember`.
"""
