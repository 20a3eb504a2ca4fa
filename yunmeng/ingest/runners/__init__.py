"""Runners: where new pictures are decoded and encoded, in this process or on the workers of a cluster."""

from yunmeng.ingest.runners.protocol import Runner, RunnerOptions, Setup

__all__ = ["Runner", "RunnerOptions", "Setup"]
