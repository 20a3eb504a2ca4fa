"""Configuration of what stands in front of several servers: a load balancer, from a list of them."""

from yunmeng.deploy.nginx import configuration
from yunmeng.deploy.site import Server, Site, described

__all__ = ["Server", "Site", "configuration", "described"]
