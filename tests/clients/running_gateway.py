"""Real gateways in processes of their own, between real clients and a scripted model server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import openai
import pytest
from mistralai.client import Mistral
from served_gateway import Gateway, start_with, stop

from model_server import ModelServer


