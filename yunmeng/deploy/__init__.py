"""Configuration of what runs around servers: a load balancer. Works from a list of servers, and needs none of them."""
