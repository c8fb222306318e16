"""What people look at: pictures of labelled scans."""
