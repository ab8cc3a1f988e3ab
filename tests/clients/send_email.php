<?php
// An e-mail, sent as the manual's PHP example sends it: the options of curl, the headers
// and the body are the example's. Host and token come from the environment.
$curl = curl_init();

curl_setopt_array($curl, array(
  CURLOPT_URL => getenv("SMSCLOUDS_HOST") . "/api/v1/email",
  CURLOPT_RETURNTRANSFER => true,
  CURLOPT_ENCODING => "",
  CURLOPT_MAXREDIRS => 10,
  CURLOPT_TIMEOUT => 0,
  CURLOPT_FOLLOWLOCATION => true,
  CURLOPT_HTTP_VERSION => CURL_HTTP_VERSION_1_1,
  CURLOPT_CUSTOMREQUEST => "POST",
  CURLOPT_POSTFIELDS => "{ \"body\": \"Hola mi nombre es <+B+> y tengo un id <+C+>,\", \r\n\"subject\": \"importante\", \r\n\"recipients\": [ { \"email\": \"jack@example.org\", \"name\": \"Jack\", \"field1\": \"52452245\" } ]\r\n}\r\n",
  CURLOPT_HTTPHEADER => array(
    "Authorization: Bearer " . getenv("SMSCLOUDS_TOKEN"),
    "Accept: application/json",
    "Content-Type: application/json"
  ),
));

$response = curl_exec($curl);
curl_close($curl);
echo $response;
