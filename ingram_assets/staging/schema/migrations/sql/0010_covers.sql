-- What runs of the scraper remember of covers. The bucket's own metadata is the truth about what is stored: to lose
-- all of this costs re-reads and no cover. A "phash" is a picture's perceptual hash.

-- The last look at each title's cover. "bucket": of which it is remembered, host and name. "checked_at": when the
-- first source was asked. "pending": something is left to do, so it is due at once. "resume": the first source that
-- has not answered since. "uploading": an upload began and its end was not seen. "refusals": looks in a row that ended
-- in what another look will not change. "sizes": widths of the stored cover's web sizes.
CREATE TABLE scraper.cover_looks (
    isbn TEXT CHECK (length(isbn) <= 20),
    bucket TEXT CHECK (length(bucket) <= 400),
    state TEXT NOT NULL CHECK (state IN ('real', 'placeholder', 'none', 'refused', 'unknown')),
    checked_at TIMESTAMPTZ NOT NULL,
    sha256 TEXT CHECK (length(sha256) <= 64),
    source TEXT CHECK (length(source) <= 100),
    reason TEXT CHECK (length(reason) <= 2000),
    pending BOOLEAN NOT NULL DEFAULT FALSE,
    resume TEXT CHECK (length(resume) <= 100),
    uploading BOOLEAN NOT NULL DEFAULT FALSE,
    refusals INT NOT NULL DEFAULT 0,
    sizes TEXT NOT NULL DEFAULT '' CHECK (length(sizes) <= 100),
    PRIMARY KEY (isbn, bucket)
);

-- Which pictures were offered for which titles. "work": what counts as one title; "tiles": how bright each is. The key
-- begins with the hash, so that all hashes are gone through without their tiles, which are most of the table.
CREATE TABLE scraper.cover_sightings (
    phash BIT(256),
    isbn TEXT CHECK (length(isbn) <= 20),
    work TEXT NOT NULL CHECK (length(work) <= 500),
    tiles BYTEA NOT NULL CHECK (octet_length(tiles) <= 10000),
    PRIMARY KEY (phash, isbn)
);

-- Pictures that turned out to be placeholders.
CREATE TABLE scraper.cover_placeholders (phash BIT(256) PRIMARY KEY);

-- When Open Library was asked of late, by whichever run.
CREATE TABLE scraper.open_library_lookups (at TIMESTAMPTZ NOT NULL);
