"""What a file is (`aecli info`) and how runs compare (`aecli compare`)."""
