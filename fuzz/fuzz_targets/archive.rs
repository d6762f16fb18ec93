#![no_main]

skops_rs_fuzz::target!(archive, fuzz::mutate::archive);
