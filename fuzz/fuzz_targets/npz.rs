#![no_main]

skops_rs_fuzz::target!(npz, fuzz::mutate::file);
