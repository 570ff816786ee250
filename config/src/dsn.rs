//! Connection strings of every kind, and the URL that each stands for.
