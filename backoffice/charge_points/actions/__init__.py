"""What is written here: the orders to hardware and who drives it (`ordering`), and the systems that stand outside (`systems`)."""
