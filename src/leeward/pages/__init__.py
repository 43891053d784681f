"""What every web page of the house shares: its headers, its templates' rules and its look."""
