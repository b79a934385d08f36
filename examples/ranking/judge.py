"""How good an order is: its NDCG, which is 1 where each query's documents come in the order of their grades."""

import numpy as np

import flinktf


def main(context: flinktf.TFContext) -> None:
    batches = list(context.dataset().batches())
    query, place, score, grade = (
        np.concatenate([batch[name] for batch in batches]) for name in ("query", "place", "score", "grade")
    )
    found = [query == one for one in np.unique(query)]
    old = np.mean([ndcg(grade[those], place[those]) for those in found])
    new = np.mean([ndcg(grade[those], -score[those]) for those in found])
    context.notice(f"NDCG of {len(found)} queries: {old:.3f} in the old order, {new:.3f} as ranked")


def ndcg(grades: np.ndarray, order: np.ndarray) -> float:
    """Of one query, with its documents by ascending ``order``; 1 where all grades are 0, since no order is better."""
    gains = 2.0**grades - 1
    weights = 1 / np.log2(np.arange(len(gains)) + 2)
    best = np.sort(gains)[::-1] @ weights
    return float(gains[np.argsort(order, kind="stable")] @ weights / best) if best else 1.0
