"""Slack, on slack-bolt's AsyncApp."""
