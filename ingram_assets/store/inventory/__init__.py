"""Operations by people and programs on inventory: set, adjust, reserve, release, fulfill, transfer."""
