//! What is PostgreSQL's own, against a real server.
