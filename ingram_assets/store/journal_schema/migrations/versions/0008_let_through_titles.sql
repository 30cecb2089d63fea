-- Of which titles a person saw what a run was about to write; NULL: of all.
ALTER TABLE store_let_through ADD COLUMN isbns TEXT[];
