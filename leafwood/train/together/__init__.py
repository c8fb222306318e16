"""Several networks trained side by side on the same crops, for a GPU that takes steps faster than crops are made.

A round makes some crops of each pool of stands. Every learner takes its step on those crops that it may see: the folds
of a comparison leave out trees, and still share what costs most. A learner can have a larger one as its teacher
(:mod:`leafwood.train.distil`), which an earlier stage has trained. A stage ends after so many rounds, or after so many
seconds where the machine is lent by the minute; its learning rate follows whichever is nearer to its end.
"""
