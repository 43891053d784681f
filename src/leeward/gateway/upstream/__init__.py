"""The model servers: a lean HTTP/1.1 client, and which server serves which model."""
