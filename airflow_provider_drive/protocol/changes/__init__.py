"""What changes below a folder: read from the drive's delta, compared with what was reported before."""
