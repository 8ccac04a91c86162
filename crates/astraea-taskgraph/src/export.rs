//! The graph as text: DOT, Mermaid, ASCII.
