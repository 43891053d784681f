"""Term lists by language and the templates over them."""
