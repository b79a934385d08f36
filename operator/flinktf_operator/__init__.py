"""The operator: makes Flink session clusters with TensorFlow roles out of FlinkTFJobs.

Observe → decide → apply. :mod:`.handlers` feeds what the cluster says into :mod:`.store`, :mod:`.workqueue` names the
jobs to look at, :mod:`.reconciler` takes one, asks :mod:`.decision` (pure) what is to be done, and does it through
:mod:`.cluster`.
"""
