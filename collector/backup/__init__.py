"""The centre's backup: copy, lock, write, compare, restore. Words stand in collector/backup_words.py."""
