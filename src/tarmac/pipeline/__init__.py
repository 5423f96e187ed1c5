"""What can change a result: a folder for each stage, and the parts that stages share."""
