-- In a schema of its own, `strangler_routes`.

-- Each row is what a file `routes.toml` would hold.
CREATE TABLE tables (
    name TEXT NOT NULL PRIMARY KEY,
    text TEXT NOT NULL,                 -- the whole table
    generation BIGINT NOT NULL,         -- for people, as the digest: what counts is the text
    digest TEXT NOT NULL,
    changed_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    changed_by TEXT NOT NULL,
    holder TEXT NOT NULL DEFAULT ''     -- who took the (advisory) lock last
);

-- Each row is what a line of `routes.toml.journal` would be, byte for byte.
CREATE TABLE journal (
    name TEXT NOT NULL REFERENCES tables (name),
    line BIGINT NOT NULL,               -- counts from 1
    sequence BIGINT,                    -- of the entry; absent where the line is none
    bytes BYTEA NOT NULL,
    PRIMARY KEY (name, line)
);
