"""Files of rows, scored as the service scores a row: in bounded memory, none lost, taken up again where it stopped."""
