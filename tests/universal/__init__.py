"""Tests of tidewire.universal."""
