"""Blocks of batches as a ``tf.data.Dataset``.

Python hands over about a megabyte at a time; TensorFlow cuts it into batches itself. Handing over batch by batch costs
a multiple of what the batches cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from flinktf.arrow import Array
from flinktf.training.batches import Block
from flinktf.training.structure import Structure, components

if TYPE_CHECKING:
    import tensorflow as tf

_PREFETCH_BYTES = 4 << 20
_PREFETCH_MOST = 64
"""Batches ready ahead: with two, small ones cost a change of threads each, which is more than they cost themselves."""


def block_dataset(structure: Structure, batch_size: int, blocks: Callable[[], Iterator[Block]]) -> tf.data.Dataset:
    """A dataset of single batches of ``batch_size`` rows; ``blocks`` is called for each iteration over it."""
    import tensorflow as tf

    specs = structure.component_specs()
    if structure.ragged:
        signature = tuple(tf.TensorSpec(shape, dtype) for dtype, shape in specs)
        dataset = tf.data.Dataset.from_generator(lambda: _single(blocks()), output_signature=signature)
        dataset = dataset.map(lambda *flat: structure.pack(flat))
    else:
        signature = tuple(tf.TensorSpec((None, *shape), dtype) for dtype, shape in specs)
        dataset = tf.data.Dataset.from_generator(lambda: _stacked(blocks()), output_signature=signature)
        dataset = dataset.flat_map(lambda *flat: tf.data.Dataset.from_tensor_slices(structure.pack(flat)))
    ahead = _PREFETCH_BYTES // (batch_size * structure.row_bytes)
    return unsharded(dataset.prefetch(min(max(ahead, 2), _PREFETCH_MOST)))


def unsharded(dataset: Any) -> Any:
    """The dataset with auto-sharding off: each worker has its own records, none of them may be skipped."""
    import tensorflow as tf

    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return dataset.with_options(options)


def _single(blocks: Iterator[Block]) -> Iterator[tuple[Array, ...]]:
    for block in blocks:
        yield tuple(components(block.parts))


def _stacked(blocks: Iterator[Block]) -> Iterator[tuple[Array, ...]]:
    for block in blocks:
        yield tuple(array.reshape(block.steps, block.size, *array.shape[1:]) for array in components(block.parts))
