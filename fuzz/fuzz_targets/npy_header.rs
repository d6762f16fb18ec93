#![no_main]

skops_rs_fuzz::target!(npy_header);
