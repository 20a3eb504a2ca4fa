"""The processes of a local Ray cluster that decode and encode."""

from typing import Any

import psutil

__all__ = ["newest_worker"]


def newest_worker(cluster: Any) -> psutil.Process | None:
    """Return the youngest worker of a `ray.cluster_utils.Cluster`, while there is one; it replaces those that died."""
    raylets = [psutil.Process(node.all_processes["raylet"][0].process.pid) for node in cluster.list_all_nodes()]
    processes = [one for raylet in raylets for one in raylet.children() if one.is_running()]
    workers = [one for one in processes if one.name().startswith("ray::Worker")]
    return max(workers, key=psutil.Process.create_time, default=None)
