"""Populations of consumers: simulate, replay, compare, survey and reproduce."""
